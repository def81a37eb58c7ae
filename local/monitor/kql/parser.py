"""Reads tokens as a query, by recursive descent: one method per rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from local.monitor.kql.syntax import (
    Call,
    Expression,
    Extend,
    KqlSyntaxError,
    Literal,
    Name,
    Named,
    Order,
    Project,
    Property,
    Query,
    Stage,
    Summarize,
    Take,
    Where,
)
from local.monitor.kql.tokens import Token, syntax_error, tokenize

_T = TypeVar("_T")
_COMPARISONS = frozenset({"==", "!=", "=~", "<", "<=", ">", ">=", "startswith"})


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
            "extend": lambda: Extend(self._named_list()),
            "project": lambda: Project(self._named_list()),
            "summarize": self._summarize,
            "order": self._order,
            "take": self._take,
        }

    def query(self) -> Query:
        table = self._name()
        stages: list[Stage] = []
        while self._accept("|"):
            stages.append(self._stage())
        if self._token.kind != "end":
            raise self._error("'|' or the end of the query")
        return Query(table, tuple(stages))

    def _stage(self) -> Stage:
        rule = self._stages.get(self._token.text)
        if self._token.kind != "name" or rule is None:
            raise self._error(f"one of the operators {', '.join(sorted(self._stages))}")
        self._advance()
        return rule()

    def _summarize(self) -> Summarize:
        aggregates = self._named_list()
        return Summarize(aggregates, self._named_list() if self._accept("by") else ())

    def _order(self) -> Order:
        self._expect("by")
        key = self._expression()
        is_ascending = self._accept("asc")
        if not is_ascending:
            self._accept("desc")  # the language's default
        return Order(key, not is_ascending)

    def _take(self) -> Take:
        value = self._token.value
        if not isinstance(value, int):
            raise self._error("a whole number")
        self._advance()
        return Take(value)

    def _named_list(self) -> tuple[Named, ...]:
        return self._list(self._named)

    def _list(self, rule: Callable[[], _T]) -> tuple[_T, ...]:
        parts = [rule()]
        while self._accept(","):
            parts.append(rule())
        return tuple(parts)

    def _named(self) -> Named:
        # One token ahead decides: an expression, too, may begin with a name.
        following = self._tokens[min(self._index + 1, len(self._tokens) - 1)]
        if self._token.kind != "name" or (following.kind, following.text) != ("symbol", "="):
            return Named(None, self._expression())
        name = self._name()
        self._expect("=")
        return Named(name, self._expression())

    def _expression(self) -> Expression:
        expression = self._conjunction()
        while self._accept("or"):
            expression = Call("or", (expression, self._conjunction()))
        return expression

    def _conjunction(self) -> Expression:
        expression = self._comparison()
        while self._accept("and"):
            expression = Call("and", (expression, self._comparison()))
        return expression

    def _comparison(self) -> Expression:
        operand = self._sum()
        if self._token.kind in ("name", "symbol") and self._token.text in _COMPARISONS:
            return Call(self._advance().text, (operand, self._sum()))
        if self._accept("in"):
            self._expect("(")
            return Call("in", (operand, *self._arguments()))
        return operand

    def _sum(self) -> Expression:
        expression = self._product()
        while self._token.kind == "symbol" and self._token.text in ("+", "-"):
            expression = Call(self._advance().text, (expression, self._product()))
        return expression

    def _product(self) -> Expression:
        expression = self._factor()
        while self._token.kind == "symbol" and self._token.text in ("*", "/"):
            expression = Call(self._advance().text, (expression, self._factor()))
        return expression

    def _factor(self) -> Expression:
        token = self._token
        if token.value is not None:
            self._advance()
            return Literal(token.value)
        if self._accept("("):
            inner = self._expression()
            self._expect(")")
            return inner
        name = self._name()
        if self._accept("("):
            return Call(name, self._arguments())
        if name in ("true", "false"):
            return Literal(name == "true")
        value: Expression = Name(name)
        while self._accept("."):
            value = Property(value, self._name())
        return value

    def _arguments(self) -> tuple[Expression, ...]:
        """Read what follows an opening parenthesis, and its closing one."""
        arguments = () if self._token.text == ")" else self._list(self._expression)
        self._expect(")")
        return arguments

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
