"""Reads tokens as a query, by recursive descent: one method per rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from local.monitor.kql.errors import KqlSyntaxError
from local.monitor.kql.syntax import (
    Call,
    Expression,
    Extend,
    Literal,
    Name,
    Named,
    Order,
    Project,
    Query,
    SortKey,
    Stage,
    Summarize,
    Take,
    Where,
)
from local.monitor.kql.tokens import Constant, Token, syntax_error, tokenize

_T = TypeVar("_T")
_COMPARISONS = frozenset({"==", "!=", "<>", "=~", "!~", "<", "<=", ">", ">="})
_WORD_OPERATORS = frozenset({"in", "between", "has", "contains", "startswith"})
_WORDS: dict[str, Constant] = {"true": True, "false": False, "null": None}


def parse(query: str) -> Query:
    """Return the parsed query.

    Raises:
        KqlSyntaxError: with line and column of the first thing that does not fit.
    """
    try:
        return _Parser(query).query()
    except RecursionError as exc:
        raise KqlSyntaxError("Query could not be parsed: its parentheses are nested too deeply") from exc


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._index = 0
        self._stages: dict[str, Callable[[], Stage]] = {
            "where": lambda: Where(self._expression()),
            "filter": lambda: Where(self._expression()),
            "extend": lambda: Extend(self._named_list()),
            "project": lambda: Project(self._named_list()),
            "summarize": self._summarize,
            "order": self._order,
            "sort": self._order,
            "take": self._take,
            "limit": self._take,
            "count": lambda: Summarize((Named("Count", Call("count", ())),), ()),
        }

    def query(self) -> Query:
        lets: list[Named] = []
        while self._accept("let"):
            name = self._name()
            self._expect("=")
            lets.append(Named(name, self._expression()))
            self._expect(";")
        table = self._name()
        stages: list[Stage] = []
        while self._accept("|"):
            stages.append(self._stage())
        self._accept(";")
        if self._token.kind != "end":
            raise self._error("'|' or the end of the query")
        return Query(tuple(lets), table, tuple(stages))

    def _stage(self) -> Stage:
        rule = self._stages.get(self._token.text)
        if self._token.kind != "name" or rule is None:
            raise self._error(f"one of the operators {', '.join(sorted(self._stages))}")
        self._index += 1
        return rule()

    def _summarize(self) -> Summarize:
        aggregates = () if self._token.text == "by" else self._named_list()
        keys = self._named_list() if self._accept("by") else ()
        return Summarize(aggregates, keys)

    def _order(self) -> Order:
        self._expect("by")
        return Order(tuple(self._list(self._sort_key)))

    def _sort_key(self) -> SortKey:
        expression = self._expression()
        is_ascending = self._accept("asc")
        if not is_ascending:
            self._accept("desc")  # the language's default
        return SortKey(expression, not is_ascending)

    def _take(self) -> Take:
        value = self._token.value
        if self._token.kind != "constant" or not isinstance(value, int):
            raise self._error("a whole number")
        self._index += 1
        return Take(value)

    def _named_list(self) -> tuple[Named, ...]:
        return tuple(self._list(self._named))

    def _list(self, rule: Callable[[], _T]) -> list[_T]:
        items = [rule()]
        while self._accept(","):
            items.append(rule())
        return items

    def _named(self) -> Named:
        following = self._tokens[min(self._index + 1, len(self._tokens) - 1)]
        if self._token.kind == "name" and following.text == "=" and following.kind == "symbol":
            name = self._name()
            self._expect("=")
            return Named(name, self._expression())
        return Named(None, self._expression())

    def _expression(self) -> Expression:
        left = self._conjunction()
        while self._accept("or"):
            left = Call("or", (left, self._conjunction()))
        return left

    def _conjunction(self) -> Expression:
        left = self._comparison()
        while self._accept("and"):
            left = Call("and", (left, self._comparison()))
        return left

    def _comparison(self) -> Expression:
        left = self._sum()
        if self._token.kind == "symbol" and self._token.text in _COMPARISONS:
            operator = self._advance().text
            return Call({"<>": "!="}.get(operator, operator), (left, self._sum()))
        is_negated = self._accept("!")
        if self._token.kind != "name" or self._token.text not in _WORD_OPERATORS:
            if is_negated:
                raise self._error(f"one of {', '.join(sorted(_WORD_OPERATORS))} after '!'")
            return left
        condition = self._word_comparison(left, self._advance().text)
        return Call("not", (condition,)) if is_negated else condition

    def _word_comparison(self, left: Expression, operator: str) -> Expression:
        if operator in ("has", "contains", "startswith"):
            return Call(operator, (left, self._sum()))
        self._expect("(")
        if operator == "in":
            values = self._list(self._expression)
            self._expect(")")
            return Call("in", (left, *values))
        low = self._sum()
        self._expect("..")
        high = self._sum()
        self._expect(")")
        return Call("and", (Call(">=", (left, low)), Call("<=", (left, high))))

    def _sum(self) -> Expression:
        left = self._product()
        while self._token.kind == "symbol" and self._token.text in ("+", "-"):
            left = Call(self._advance().text, (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._factor()
        while self._token.kind == "symbol" and self._token.text in ("*", "/", "%"):
            left = Call(self._advance().text, (left, self._factor()))
        return left

    def _factor(self) -> Expression:
        token = self._token
        if token.kind == "constant":
            return Literal(self._advance().value)
        if self._accept("-"):
            return Call("negate", (self._factor(),))
        if self._accept("("):
            inner = self._expression()
            self._expect(")")
            return inner
        name = self._name()
        if not self._accept("("):
            return Literal(_WORDS[name]) if name in _WORDS else Name(name)
        arguments = [] if self._token.text == ")" else self._list(self._expression)
        self._expect(")")
        return Call(name, tuple(arguments))

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _advance(self) -> Token:
        self._index += 1
        return self._tokens[self._index - 1]

    def _accept(self, text: str) -> bool:
        if self._token.kind in ("name", "symbol") and self._token.text == text:
            self._index += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._error(repr(text))

    def _name(self) -> str:
        if self._token.kind != "name":
            raise self._error("a name")
        return self._advance().text

    def _error(self, expected: str) -> KqlSyntaxError:
        return syntax_error(self._text, self._token.position, self._token.text, expected)
