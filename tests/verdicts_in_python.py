"""Finds what SQL alone decides in a Python source: numbers beside scores, reasons' names in SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from itertools import pairwise

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?:\s*::\s*\w+)?"
_COMPARED = r"(?:<=|>=|<>|!=|==|=|<|>|(?:not\s+)?between\b|(?:not\s+)?in\s*\()"
# What a function such as coalesce(…, 1) or a cast leaves behind a score.
_BEHIND = rf"(?:\s*,\s*{_NUMBER})?[\s)]*(?:::\s*\w+)?\s*"
_AS_ARGUMENT = frozenset({"abs", "coalesce", "float", "max", "min", "round"})


def numbers_beside_scores(source: str, scores: Collection[str]) -> list[str]:
    """Where a score is compared with a number, in SQL or Python: each comparison as it stands.

    A number may have a name: one that the module gives it.
    """
    tree = ast.parse(source)
    named = dict(_named_numbers(tree))
    score = rf"\b(?:\w+\.)?\"?(?:{'|'.join(map(re.escape, scores))})\b\"?"
    sql = re.compile(
        rf"{score}{_BEHIND}{_COMPARED}\s*\(*\s*{_NUMBER}"
        rf"|{score}{_BEHIND}(?:not\s+)?between\s+\S+\s+and\s+{_NUMBER}"
        rf"|(?<![\w.]){_NUMBER}\)*\s*{_COMPARED}\s*(?:\w*\(\s*)*{score}",
        re.IGNORECASE,
    )
    in_sql = [found[0] for text in _texts(tree, named) for found in sql.finditer(text)]
    in_python = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and _compares(node, scores, named)
    ]
    return in_sql + in_python


def reasons_in_sql(source: str, reasons: Collection[str]) -> list[str]:
    """Where SQL in a source names a reason, or says which one a verdict has."""
    tree = ast.parse(source)
    names = "|".join(map(re.escape, reasons))
    sql = re.compile(
        rf"'(?:{names})'|'(?:download|duplicate|opted_out)_?%'"
        r"|\bdrop_reasons?\b\"?\s*(?:=|<>|!=|(?:not\s+)?(?:in|i?like)\b|is\s+(?:not\s+)?distinct\s+"
        r"from\b)[\s(\[]*'[^']*'",
        re.IGNORECASE,
    )
    return [found[0] for text in _texts(tree, {}) for found in sql.finditer(text)]


def _named_numbers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and _is_number(statement.value, {}):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, ast.unparse(statement.value)


def _texts(tree: ast.Module, named: dict[str, str]) -> Iterator[str]:
    """Every string but docstrings; in an f-string, named numbers stand as they are."""
    nodes = list(ast.walk(tree))
    formatted = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    aside = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    aside |= {id(part) for node in formatted for part in node.values}
    yield from ("".join(_part(part, named) for part in node.values) for node in formatted)
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node.value


def _part(node: ast.expr, named: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    value = ast.unparse(node.value)
    return named.get(value, value if _is_number(node.value, {}) else "{}")


def _compares(node: ast.Compare, scores: Collection[str], named: dict[str, str]) -> bool:
    sides = [node.left, *node.comparators]
    return any(
        _is_number(number, named) and _is_score(score, scores)
        for left, right in pairwise(sides)
        for number, score in ((left, right), (right, left))
    )


def _is_number(node: ast.expr, named: dict[str, str]) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand, named)
    if isinstance(node, ast.Name):
        return node.id in named
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_score(node: ast.expr, scores: Collection[str]) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in scores
        case ast.Subscript(slice=ast.Constant(value=name)):
            return name in scores
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=name), *_]):
            return name in scores
        case ast.Call(func=ast.Name(id=name), args=args) if name in _AS_ARGUMENT:
            return any(_is_score(each, scores) for each in args)
        case ast.BoolOp(values=values):
            return any(_is_score(each, scores) for each in values)
    return False
