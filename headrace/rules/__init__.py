"""The rule language: SQL expressions over the columns of one row, compiled to Arrow kernels."""

from headrace.rules.column_type import COLUMN_TYPES, Type
from headrace.rules.expression import Expression, compile_expression
from headrace.rules.functions import FUNCTIONS, Function
from headrace.rules.rule_error import RuleError

__all__ = ["COLUMN_TYPES", "FUNCTIONS", "Expression", "Function", "RuleError", "Type", "compile_expression"]
