"""Usage for those who pay for it: months, budgets, forecasts and sheets of the ledger's lines."""

from extauth.usage.answer import Answer
from extauth.usage.books import UsageBooks, answer
from extauth.usage.budgets import Budget, Budgets
from extauth.usage.forecast import Forecast
from extauth.usage.month import Month
from extauth.usage.own import OwnUsage
from extauth.usage.question import Question
from extauth.usage.source import LineSource

__all__ = [
    "Answer",
    "Budget",
    "Budgets",
    "Forecast",
    "LineSource",
    "Month",
    "OwnUsage",
    "Question",
    "UsageBooks",
    "answer",
]
