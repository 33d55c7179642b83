"""Public data sets: which ones the paper used, and fetching them from the CryoET Data Portal."""

from .fetching import FetchResult, fetch
from .portal import Portal, PortalDataset, PortalSeries
from .read import Manifest, Role, read_manifest
from .transfer import download

__all__ = [
    "FetchResult",
    "Manifest",
    "Portal",
    "PortalDataset",
    "PortalSeries",
    "Role",
    "download",
    "fetch",
    "read_manifest",
]
