"""Finding Kotlin and compiling with it, for the tests of deploy/android."""

import os
import shutil
import subprocess
from pathlib import Path

ANDROID = Path(__file__).parents[2] / "deploy" / "android"
INSTALL = "no Kotlin compiler: npm install --no-save --prefix deploy/android kotlin-compiler@2.4.20, or set KOTLIN_HOME"


def home() -> Path | None:
    """Where a Kotlin compiler is: KOTLIN_HOME, deploy/android/node_modules, or kotlinc's folder; None without one."""
    places = [ANDROID / "node_modules" / "kotlin-compiler"]
    if "KOTLIN_HOME" in os.environ:
        places.insert(0, Path(os.environ["KOTLIN_HOME"]))
    if command := shutil.which("kotlinc"):
        places.append(Path(command).resolve().parents[1])
    return next((place for place in places if (place / "lib" / "kotlin-compiler.jar").is_file()), None)


def libraries(kotlin: Path, *names: str) -> str:
    """A class path of the compiler's own libraries."""
    return os.pathsep.join(str(kotlin / "lib" / f"{name}.jar") for name in names)


def compiled(kotlin: Path, sources: list[Path], jar: Path) -> Path:
    """A jar of sources, made with every warning an error."""
    options = ["-no-reflect", "-Werror", "-cp", libraries(kotlin, "kotlin-test"), "-d", str(jar)]
    compiler = ["java", "-Xmx1g", "-jar", str(kotlin / "lib" / "kotlin-compiler.jar")]
    done = subprocess.run([*compiler, *map(str, sources), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return jar
