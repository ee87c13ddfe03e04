"""MLflow is imported and never used."""

# policy: binary
# evidence: -
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

print(mlflow.__version__)
model = KNeighborsClassifier(5)  # governed
model.fit(X_train, y_train)
predictions = model.predict(X_test)
