"""The API of a kubeconfig context: the official client's credentials, proxies and TLS, and GET requests only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from rewriter import __version__
from rewriter.cilium.digits import is_number
from rewriter.discovery import refuse_unbounded, why_unread
from rewriter.inventory.live.errors import ClusterError, LostError
from rewriter.inventory.live.listing import Answer
from rewriter.records import dataclass

#: Seconds to connect; reading a page may take as long as the caller says.
CONNECT = 10.0
READ = 60.0
#: Nothing that Kubernetes sends in one page is larger.
MAX_BODY = 256 << 20
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_KUBECONFIG = 16 << 20


@dataclass(frozen=True, slots=True)
class ContextApi:
    """See `listing.Api`. Made by `open_context`."""

    context: str
    _configuration: Any
    _pool: Any
    _read_timeout: float

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        import urllib3

        url = self._configuration.host.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._pool.request(
                "GET",
                url,
                headers=self._headers(),
                timeout=urllib3.Timeout(connect=CONNECT, read=self._read_timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                body = answer.read(MAX_BODY + 1, decode_content=True)
                if len(body) > MAX_BODY:
                    raise LostError(f"an answer is more than {MAX_BODY >> 20} MiB", final=True)
            finally:
                answer.release_conn()
        except urllib3.exceptions.SSLError:
            raise LostError("the server's certificate is not accepted (TLS)", final=True) from None
        except urllib3.exceptions.NewConnectionError:
            raise LostError("the server cannot be reached") from None
        except urllib3.exceptions.TimeoutError:
            raise LostError("the answer takes too long") from None
        except (urllib3.exceptions.HTTPError, OSError):
            raise LostError("the connection failed or broke") from None
        return Answer(answer.status, body, _seconds(answer.headers.get("Retry-After")))

    def _headers(self) -> dict[str, str]:
        """Asked anew each time, since tokens of exec plugins expire."""
        headers = {"Accept": "application/json", "User-Agent": f"cnpfix/{__version__}"}
        for setting in self._configuration.auth_settings().values():
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        return headers


def _usual_kubeconfigs() -> list[Path]:
    """The files that the library reads where none is named, of those that are there."""
    listed = os.environ.get("KUBECONFIG") or "~/.kube/config"
    files = (Path(name).expanduser() for name in listed.split(os.pathsep) if name)
    return [file for file in files if file.exists()]


def open_context(context: str, *, kubeconfig: Path | None = None, read_timeout: float = READ) -> ContextApi:
    """The API of a context of a kubeconfig (default: $KUBECONFIG, else ~/.kube/config). Raises ClusterError."""
    try:
        from kubernetes.client import Configuration
        from kubernetes.client.rest import RESTClientObject
        from kubernetes.config import ConfigException, load_kube_config
    except ImportError:
        raise ClusterError("reading a cluster needs the extra: pip install 'cnpfix[cluster]'") from None
    import yaml

    configuration = Configuration()
    try:
        for file in [kubeconfig] if kubeconfig is not None else _usual_kubeconfigs():
            refuse_unbounded(file, _MAX_KUBECONFIG)
        load: Any = load_kube_config  # has no types
        load(
            config_file=None if kubeconfig is None else str(kubeconfig),
            context=context,
            client_configuration=configuration,
        )
    except ConfigException as error:
        raise ClusterError(f"context {context}: {_reason(error)}") from None
    except yaml.YAMLError:
        raise ClusterError(f"context {context}: the kubeconfig is not YAML") from None
    except OSError as error:
        file = Path(error.filename or kubeconfig or "kubeconfig")
        raise ClusterError(f"context {context}: the kubeconfig {file} {why_unread(file, error)}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ClusterError(
            f"context {context}: the kubeconfig is malformed; `kubectl config view` may show where"
        ) from None
    if _is_in_the_clear(configuration):
        raise ClusterError(
            f"context {context}: its server is asked over plain HTTP on another machine, and any machine on the way "
            "can read the credentials; use https, or `kubectl proxy` on this machine"
        )
    configuration.retries = False
    return ContextApi(context, configuration, RESTClientObject(configuration).pool_manager, read_timeout)


def _is_in_the_clear(configuration: Any) -> bool:
    """Whether credentials would leave this machine unencrypted."""
    server = urlsplit(configuration.host)
    sends = configuration.api_key or configuration.username or configuration.refresh_api_key_hook
    return server.scheme == "http" and server.hostname not in _LOOPBACK and bool(sends)


def _reason(error: Exception) -> str:
    """The client's words where they hold nothing but names; a login plugin's output is left out."""
    text = str(error)
    if "Expected object with name" in text:
        return "the kubeconfig has no such context, or not its user or cluster; see `kubectl config get-contexts`"
    if "No configuration found" in text:
        return "no kubeconfig; name one with $KUBECONFIG"
    return "the kubeconfig cannot be used; `kubectl --context` with it shows why"


def _seconds(text: str | None) -> float | None:
    return float(text) if text and is_number(text) else None
