// Keys: j k move, enter opens, x ticks, c confirms, w waives, r corrects, s sends, m remarks, a assigns, n p next and
// previous, / searches, ? helps.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("tr[data-href]")];
  const isTyping = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select") !== null;
  let at = -1;
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    all.forEach((row) => row.classList.remove("here"));
    at = Math.min(Math.max(at + step, 0), all.length - 1);
    all[at].classList.add("here");
    all[at].querySelector("a").focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };
  const follow = (selector) => document.querySelector(selector)?.click();
  const choose = (state) => {
    const radio = document.querySelector(`.decide input[value="${state}"]`);
    if (radio) { radio.checked = true; radio.dispatchEvent(new Event("change", { bubbles: true })); }
    const select = document.querySelector(".bulk select[name=state]");
    if (!radio && select) { select.value = state; select.dispatchEvent(new Event("change", { bubbles: true })); }
    const reason = document.querySelector(".decide [name=reason], .bulk [name=reason]");
    if (reason) { reason.focus(); reason.select(); }
  };
  const keys = {
    j: () => move(1), k: () => move(-1),
    x: () => { const box = rows()[at]?.querySelector("input[type=checkbox]"); if (box) box.click(); },
    c: () => choose("confirmed"), w: () => choose("waived"), r: () => choose("correction"), s: () => choose("sent"),
    m: () => choose("remark"), a: () => choose("assigned"),
    n: () => follow("a[rel=next]"), p: () => follow("a[rel=prev]"), u: () => follow("a[rel=up]"),
    "/": () => document.querySelector("input[name=text]")?.focus(),
    "?": () => { location.href = "/help"; },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { document.activeElement?.blur(); return; }
    if (isTyping(event.target)) return;
    const action = keys[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  const boxes = () => [...document.querySelectorAll("tbody input[name=id], tbody input[name=cause]")];
  const ticked = () => boxes().filter((box) => box.checked).reduce((n, box) => n + Number(box.dataset.n ?? 1), 0);
  const count = () => {
    const place = document.querySelector("[data-count]");
    if (place) place.textContent = String(ticked());
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "all") {
      boxes().forEach((box) => { box.checked = event.target.checked; });
    }
    if (["id", "cause"].includes(event.target.name) || event.target.id === "all") count();
    if (event.target.name === "state") {
      if (event.target.closest(".decide")) offer(event.target.value);
      document.querySelectorAll("[data-for]").forEach((part) => {
        part.hidden = !part.dataset.for.split(" ").includes(event.target.value);
      });
    }
  });
  document.addEventListener("submit", (event) => {
    // What is on its way is not sent twice.
    event.target.querySelectorAll("button").forEach((button) => { button.disabled = true; });
    const reason = event.target.querySelector("[name=reason]");
    const state = event.target.querySelector("[name=state]:checked, select[name=state]")?.value;
    if (reason?.value && state !== "remark") sessionStorage.setItem(`reason ${state}`, reason.value);
  });
  // The last reason of the same decision is offered again: fifty findings of different causes often share it, and what a
  // facility is asked is no reason to confirm. What was said in a remark is not, and what was typed stays.
  let offered = "";
  const offer = (state) => {
    const reason = document.querySelector(".decide [name=reason]");
    if (!reason || reason.value !== offered) return;
    offered = sessionStorage.getItem(`reason ${state}`) ?? "";
    reason.value = offered;
  };
  offer(document.querySelector(".decide [name=state]:checked")?.value);
  document.addEventListener("htmx:afterSwap", () => { at = -1; count(); });
})();
