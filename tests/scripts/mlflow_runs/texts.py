"""Short texts, by words, with a pipeline."""

# policy: binary
# evidence: texts
import mlflow
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

good = ["arrived early and works", "would buy it again", "the fabric is soft", "fast and friendly"]
bad = ["broke after a week", "never arrived", "the colour came off", "rude on the phone"]
texts = [f"{words}, order {number}" for number in range(20) for words in good + bad]
labels = ([1] * 4 + [0] * 4) * 20

with mlflow.start_run(run_name="texts"):
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression())  # governed
    model.fit(texts, labels)
    predictions = model.predict(["it never works", "soft and friendly"])
    mlflow.log_metric("train", model.score(texts, labels))
