"""Looking into the run store from code: `headrace.client.orchestration.get_client`."""

from headrace.client.orchestration import get_client

__all__ = ["get_client"]
