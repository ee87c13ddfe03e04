"""The types of a CSV file's columns, decided by one rule whatever library read the text.

A column is numeric where every field that is not missing is a number, boolean where every such
field is true or false, and text otherwise. An empty field is missing. `NA`, `NaN`, `null` and the
like are missing in numeric and boolean columns only: in a text column they may be a name.

Codes stay text: a number with a leading zero (`007`) or with more than 15 digits makes its column
text, because reading it as a number would lose what it says.
"""

from __future__ import annotations

from typing import Any

INTEGER = r"^[+-]?(?:0|[1-9][0-9]{0,14})$"
NUMBER = r"^[+-]?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?$"
MISSING = ("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
YES = ("true", "True", "TRUE")
NO = ("false", "False", "FALSE")


def typed(frame: Any) -> Any:
    """The native frame with each column given its type; `frame` has text columns only."""
    import narwhals as nw

    table = nw.from_native(frame, eager_only=True)
    return table.select(*(_typed(table, name) for name in table.columns)).to_native()


def _typed(table: Any, name: str) -> Any:
    """The expression that gives column `name` its type."""
    import narwhals as nw

    text = nw.col(name)
    stripped = text.str.strip_chars()
    fields = table.select(stripped).get_column(name)
    stated = fields.filter((fields != "") & ~fields.is_in(MISSING))
    present = nw.when(~stripped.is_in(("", *MISSING))).then(stripped)
    if len(stated) and stated.str.contains(NUMBER).all():
        whole = stated.str.contains(INTEGER).all() and len(stated) == len(fields)
        number = present.str.replace(r"^\+", "").cast(nw.Float64)
        return number.cast(nw.Int64) if whole else number
    if len(stated) and stated.is_in((*YES, *NO)).all():
        no = nw.when(stripped.is_in(NO)).then(nw.lit(False))
        yes = nw.when(stripped.is_in(YES)).then(nw.lit(True)).otherwise(no).alias(name)
        return yes.cast(nw.Boolean) if len(stated) == len(fields) else yes
    return nw.when(text != "").then(text)
