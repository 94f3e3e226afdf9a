"""Flows that run by themselves, at the times of their schedules."""

from headrace.core.overlaps import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from headrace.deployments.runner import RunnerDeployment
from headrace.deployments.serving import aserve, serve

__all__ = ["ConcurrencyLimitConfig", "ConcurrencyLimitStrategy", "RunnerDeployment", "aserve", "serve"]
