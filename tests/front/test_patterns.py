"""No pattern over foreign text overflows a stack or takes more than linear time (CONVENTIONS, habit 17)."""

import importlib.util
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import onecart

spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
hostile = importlib.util.module_from_spec(spec)
sys.modules["hostile"] = hostile  # dataclasses look their module up there
spec.loader.exec_module(hostile)

STEPS = 300  # characters that a pattern may look at for each of the text
# Numbers and files of our own; what only `bench` and the simulator read.
OURS = ("onecart.front.docs", "onecart.intent.explanation.reasons", "onecart.quality.normalise")
MADE_UP = ("onecart.bench", "onecart.samples", "onecart.__main__")
# Compiled patterns that are only ever tried at one place of a text, never searched for.
AT_ONE_PLACE = ("onecart.models.store", "onecart.onboarding.profiling.formats", "onecart.records.objects")
JAVA = """
public class Tried implements java.util.function.BiFunction {
  static class Counted implements CharSequence {
    final String text;
    final long most;
    long read = 0;
    Counted(String text, long most) { this.text = text; this.most = most; }
    public int length() { return text.length(); }
    public char charAt(int i) {
      if (++read > most) throw new IllegalStateException();
      return text.charAt(i);
    }
    public CharSequence subSequence(int a, int b) { return text.subSequence(a, b); }
    public String toString() { return text; }
  }
  static String fill(String unit, int length) {
    StringBuilder made = new StringBuilder();
    while (made.length() < length) made.append(unit);
    return made.toString();
  }
  public Object apply(final Object given, final Object attack) {
    final java.util.regex.Pattern pattern;
    try { pattern = java.util.regex.Pattern.compile((String) given); } catch (Exception e) { return "ok"; }
    String[] parts = ((String) attack).split("\\u0001", 2);
    String[] texts = {parts[0] + fill(parts[1], LONG) + "\\u0000", fill(parts[0] + fill(parts[1], 3), LONG), fill(parts[0] + " ", LONG)};
    final String[] out = {"ok"};
    for (int i = 0; i < texts.length; i++) {
      final Counted text = new Counted(texts[i], STEPSL * texts[i].length());
      Thread thread = new Thread(null, new Runnable() {
        public void run() {
          try {
            java.util.regex.Matcher matcher = pattern.matcher(text);
            while (matcher.find()) {}
          } catch (StackOverflowError e) { out[0] = "overflows"; }
          catch (IllegalStateException e) { out[0] = "is slow"; }
        }
      }, "small", 262144L);
      thread.start();
      try { thread.join(); } catch (InterruptedException e) { out[0] = "interrupted"; }
    }
    return out[0];
  }
}
"""


@pytest.fixture(scope="module")
def long(whole: bool) -> int:
    """Characters of a text."""
    return 100_000 if whole else 20_000


@pytest.fixture(scope="module")  # once: py4j takes a second class of this name for the first
def java(spark_session: Any, long: int) -> Any:
    """(pattern, attack) -> what becomes of it in a thread with a small stack, by characters looked at: no clock."""
    compiler = spark_session._jvm.org.codehaus.janino.SimpleCompiler()
    compiler.cook(JAVA.replace("LONG", str(long)).replace("STEPSL", f"{STEPS}L"))
    tried = compiler.getClassLoader().loadClass("Tried").newInstance()
    return lambda pattern, before, body: tried.apply(pattern, f"{before}\x01{body}")


@pytest.fixture(scope="module")
def foreign() -> list[Any]:
    return [p for p in hostile.patterns(onecart, MADE_UP) if p.module not in OURS]


@pytest.mark.parametrize(
    ("pattern", "attack", "said"),
    [
        (r"@\w+(?:\.\w+)+", ("@a", ".a"), "overflows"),  # the address that killed a JVM
        (r"\w+@", ("", "a"), "is slow"),
        (r"@\w{1,63}(?:\.\w{1,63}){1,8}+", ("@a", ".a"), "ok"),
    ],
)
def test_the_trial_finds_what_it_is_for(java: Any, pattern: str, attack: tuple[str, str], said: str) -> None:
    assert attack in hostile.attacks(pattern)
    assert java(pattern, *attack) == said


def test_javas_patterns_take_a_long_text_in_linear_time_and_a_small_stack(java: Any, foreign: list[Any]) -> None:
    tried = [(p, attack) for p in foreign if p.java for attack in hostile.attacks(p.text)]
    found = {(p.module, p.text): said for p, attack in tried if (said := java(p.text, *attack)) != "ok"}
    assert len(tried) > 150
    assert not found


def test_pythons_patterns_take_a_long_text_in_linear_time(foreign: list[Any], long: int) -> None:
    slow = {}
    for p in foreign:
        for before, body in () if p.java else hostile.attacks(p.text):
            pattern, clock = re.compile(p.text), time.thread_time()
            for text in (before + body * long, (before + body * 3) * (long // 10)):
                pattern.fullmatch(text[:long] + "\0")
                if p.module not in AT_ONE_PLACE:
                    sum(1 for _ in pattern.finditer(text[:long] + "\0"))
            if time.thread_time() - clock > 2:
                slow[p.module] = p.text
    assert not slow
