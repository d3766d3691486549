"""Usage reports: months, budgets and forecasts, computed from the ledger's lines."""

from extauth.usage.books import UsageBooks, usage_report
from extauth.usage.budgets import Budget, Budgets
from extauth.usage.forecast import Forecast
from extauth.usage.month import Month
from extauth.usage.own import OwnUsage
from extauth.usage.query import UsageQuery
from extauth.usage.report import UsageReport
from extauth.usage.source import LineSource

__all__ = [
    "Budget",
    "Budgets",
    "Forecast",
    "LineSource",
    "Month",
    "OwnUsage",
    "UsageBooks",
    "UsageQuery",
    "UsageReport",
    "usage_report",
]
