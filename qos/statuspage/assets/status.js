// Renews the page in place. Everything works without it, by Reload.
"use strict";
(() => {
  const every = 15000;
  const note = document.getElementById("refresh");
  let failed = false;

  const say = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };

  // What a person is doing must not be lost: what is open stays open, and the
  // focus stays where it is.
  const renew = (fresh) => {
    const open = [...document.querySelectorAll("details[open]")].map((d) => d.id);
    const focused = document.activeElement;
    const summaryOf = focused && focused.tagName === "SUMMARY" ? focused.parentElement.id : "";
    const id = focused ? focused.id : "";
    for (const what of ["header", "main"]) {
      const from = fresh.querySelector(what), to = document.querySelector(what);
      if (from && to) to.replaceChildren(...from.childNodes);
    }
    document.title = fresh.title;
    for (const key of open) {
      const d = document.getElementById(key);
      if (d) d.open = true;
    }
    if (document.activeElement !== focused || !document.contains(focused)) {
      const again = summaryOf ? document.querySelector("#" + CSS.escape(summaryOf) + " > summary") : id && document.getElementById(id);
      if (again) again.focus({ preventScroll: true });
    }
  };

  const look = async () => {
    const selection = document.getSelection();
    if (document.hidden || (selection && !selection.isCollapsed)) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      const text = await answer.text();
      if (!answer.ok && answer.status !== 404) throw new Error(answer.status);
      renew(new DOMParser().parseFromString(text, "text/html"));
      if (failed) say("");
      failed = false;
    } catch {
      failed = true;
      say("The monitor does not answer: what is shown is old.");
    }
  };

  setInterval(look, every);
  document.addEventListener("visibilitychange", look);
})();
