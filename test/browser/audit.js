// What the tests ask of a page. Colours are those that the browser computed.
"use strict";
window.audit = (() => {
  const name = (e) => `<${e.tagName.toLowerCase()}${e.id ? " id=" + e.id : ""} class="${e.getAttribute("class") || ""}"> ${(e.textContent || "").trim().slice(0, 40)}`;
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // Whatever way a colour is written, four numbers.
  const rgba = (text) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = text;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      layers.push(c);
      if (c[3] === 1) break;
    }
    return layers.reduceRight((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const operable = () => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(shown);
  const reached = new Set();

  return {
    operable,
    open: () => document.querySelectorAll("details").forEach((d) => (d.open = true)),

    // Elements beyond the right edge, and a page that scrolls sideways.
    wide: () => {
      const out = [];
      const edge = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth > edge) out.push(`the page is ${document.documentElement.scrollWidth} wide on a screen of ${edge}`);
      for (const e of document.body.querySelectorAll("*")) {
        const box = e.getBoundingClientRect();
        if (box.width > 0 && box.right > edge + 1 && shown(e)) out.push(`${name(e)} ends at ${box.right} of ${edge}`);
      }
      for (const e of document.querySelectorAll("time")) {
        if (shown(e) && e.getClientRects().length > 1) out.push("a time is broken over lines: " + name(e));
      }
      return out;
    },

    // Text below 4.5:1 (3:1 where it is large), shapes below 3:1.
    faint: () => {
      const out = [];
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      let n = 0;
      while (walk.nextNode()) {
        const e = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !shown(e)) continue;
        n++;
        const style = getComputedStyle(e);
        const ground = behind(e);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
        const r = ratio(over(rgba(style.color), ground), ground);
        if (r < (large ? 3 : 4.5)) out.push(`${r.toFixed(2)}:1 at ${size}px: ${name(e)}`);
      }
      if (n < 5) out.push(`only ${n} texts were looked at`);
      for (const e of document.querySelectorAll(".strip path:not(.track), .sample, .line, .icon")) {
        const style = getComputedStyle(e);
        const paint = e.matches(".line") ? style.stroke : style.fill;
        const ground = behind(e.parentElement.closest("section, p, li, main"));
        const r = ratio(over(rgba(paint), ground), ground);
        if (r < 3) out.push(`shape ${r.toFixed(2)}:1: ${name(e)}`);
      }
      return out;
    },

    // What a screen reader would have no name for.
    unnamed: () => {
      const out = [];
      for (const e of operable()) if (!(e.textContent.trim() || e.getAttribute("aria-label"))) out.push(name(e));
      for (const e of document.querySelectorAll("svg:not([aria-hidden])")) {
        if (e.getAttribute("role") !== "img" || !e.getAttribute("aria-label")) out.push(name(e));
      }
      for (const e of document.querySelectorAll("[aria-labelledby]")) {
        if (!document.getElementById(e.getAttribute("aria-labelledby"))) out.push("labelled by nothing: " + name(e));
      }
      return out;
    },

    structure: () => {
      const out = [];
      const count = (what, n) => { if (document.querySelectorAll(what).length !== n) out.push(`${document.querySelectorAll(what).length} of ${what}`); };
      count("h1", 1); count("main", 1); count("body > header", 1); count("html[lang]", 1); count("script:not([src])", 0); count("style, [style]", 0); count("img", 0);
      const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
      for (const id of new Set(ids.filter((x, i) => ids.indexOf(x) !== i))) out.push("twice: id " + id);
      for (const t of document.querySelectorAll("table")) {
        if (!t.caption) out.push("a table without a caption");
        if ([...t.querySelectorAll("th")].some((h) => !h.scope)) out.push("a th without scope");
      }
      let level = 0;
      for (const h of document.querySelectorAll("h1, h2, h3")) {
        if (+h.tagName[1] > level + 1) out.push("a heading leaves a level out: " + name(h));
        level = +h.tagName[1];
      }
      return out;
    },

    // What is wrong with the focus where it is now.
    focused: () => {
      const e = document.activeElement;
      if (!e || e === document.body) return "the focus is lost";
      reached.add(e);
      const style = getComputedStyle(e);
      const ground = behind(e.parentElement);
      if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "no focus is seen at " + name(e);
      if (ratio(over(rgba(style.outlineColor), ground), ground) < 3) return "a faint focus at " + name(e);
      const box = e.getBoundingClientRect();
      if (box.width < 1 || box.bottom < 0 || box.top > innerHeight || box.left < -1) return "the focus is off the screen at " + name(e);
      return "";
    },
    missed: () => operable().filter((e) => !reached.has(e)).map(name),
  };
})();
0;
