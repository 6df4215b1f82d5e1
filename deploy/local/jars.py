"""Kafka's jars: fetched once per user, checked against the lock file, shared by every clone.

Cache: `$XDG_CACHE_HOME/leadstream/maven` (default `~/.cache/leadstream/maven`), laid out as a Maven repository.
Source: Maven Central, or what `[repositories]` of the user's jgo.conf names (`central = URL` replaces it).
"""

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockedDependency, LockFile, compute_spec_hash
from jgo.maven import MavenContext

from deploy.local.errors import Misconfigured, Unavailable

SPEC = Path(__file__).with_name("jgo.toml")
LOCK = Path(__file__).with_name("jgo.lock.toml")
DOWNLOADS_MAX = 8
TIMEOUT_S = 30


def class_path(cache: Path) -> list[Path]:
    """Return every jar of the lock file, downloading those that *cache* lacks or holds damaged.

    Raise `Unavailable` when a download fails, `Misconfigured` when a jar is not what the lock file says.
    """
    locked = LockFile.load(LOCK).dependencies
    with ThreadPoolExecutor(DOWNLOADS_MAX) as pool:
        intact = pool.map(lambda jar: _is_locked_one(cache / _relative(jar), jar), locked)
    missing = [jar for jar, is_intact in zip(locked, intact, strict=True) if not is_intact]
    if missing:
        _fetch(missing, cache)
    return [cache / _relative(jar) for jar in locked]


def _relative(jar: LockedDependency) -> Path:
    folder = Path(*jar.groupId.split("."), jar.artifactId, jar.version)
    return folder / f"{jar.artifactId}-{jar.version}.{jar.packaging}"


def _is_locked_one(file: Path, jar: LockedDependency) -> bool:
    try:
        with file.open("rb") as content:
            return bool(hashlib.file_digest(content, "sha256").hexdigest() == jar.sha256)
    except OSError:
        return False


def _fetch(missing: list[LockedDependency], cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # jgo writes in place: a jar reaches the cache by a rename only, once complete and verified.
        with tempfile.TemporaryDirectory(prefix="partial-", dir=cache) as partial:
            context = MavenContext(repo_cache=Path(partial), remote_repos=_repositories(), timeout=TIMEOUT_S)
            with ThreadPoolExecutor(DOWNLOADS_MAX) as pool:
                for done in [pool.submit(_fetch_one, jar, context=context, cache=cache) for jar in missing]:
                    done.result()
    except requests.RequestException as error:
        raise Unavailable(
            f"Kafka's jars could not be downloaded ({type(error).__name__}): "
            f"the first start needs access to Maven Central; check the network, or name a mirror in jgo.conf, and try again."
        ) from error
    except OSError as error:
        raise Misconfigured(
            f"Kafka's jars could not be stored in {cache} ({error.strerror}): free or permit that folder, or set XDG_CACHE_HOME."
        ) from error


def _repositories() -> dict[str, str]:
    return {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}


def _fetch_one(jar: LockedDependency, *, context: MavenContext, cache: Path) -> None:
    component = context.project(jar.groupId, jar.artifactId).at_version(jar.version)
    try:
        fetched = component.artifact(packaging=jar.packaging).resolve()
    except RuntimeError as error:
        raise Unavailable(
            f"{jar.artifactId}-{jar.version}.jar was refused by {', '.join(context.remote_repos)}: "
            f"check the repositories named in jgo.conf and try again."
        ) from error
    if not _is_locked_one(fetched, jar):
        raise Misconfigured(
            f"{fetched.name} is not the file the lock file names (its SHA-256 differs): "
            f"check the repositories named in jgo.conf, and do not run that jar."
        )
    target = cache / _relative(jar)
    target.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(target)


def lock() -> None:
    """Resolve jgo.toml anew and write jgo.lock.toml beside it."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder) / "maven", remote_repos=_repositories(), timeout=TIMEOUT_S)
        builder = EnvironmentBuilder(context=context, cache_dir=Path(folder) / "cache")
        locked = builder.resolve_lockfile(EnvironmentSpec.load(SPEC))
        locked.spec_hash = compute_spec_hash(SPEC)
        fresh = Path(folder) / LOCK.name
        locked.save(fresh)
        shutil.copyfile(fresh, LOCK)


if __name__ == "__main__":
    lock()
