// Steps through a counterexample. Without this script everything is on the page all the same.
(function () {
  var active = null;
  document.querySelectorAll(".film").forEach(function (film) {
    var rows = Array.prototype.slice.call(film.querySelectorAll("ol.cards > li"));
    var bar = film.querySelector(".bar"), panel = film.querySelector(".panel"), stage = film.querySelector(".stage");
    var said = bar.querySelector("output"), all = said.textContent, at = -1;
    var broke = rows.findIndex(function (row) { return row.classList.contains("broke"); });
    function button(name) { return bar.querySelector("[data-go=" + name + "]"); }
    function show(index) {
      at = index;
      stage.classList.toggle("stepping", at >= 0);
      panel.hidden = at < 0;
      rows.forEach(function (row, place) {
        var now = place === at, after = row.querySelector(".after");
        row.classList.toggle("current", now);
        row.classList.toggle("ahead", at >= 0 && place > at);
        if (now) row.setAttribute("aria-current", "step"); else row.removeAttribute("aria-current");
        after.open = now;
      });
      button("previous").disabled = at <= 0;
      button("next").disabled = at === rows.length - 1;
      button("all").disabled = at < 0;
      if (at < 0) { said.textContent = all; return; }
      var row = rows[at], label = row.dataset.label;
      said.textContent = row.querySelector(".number").textContent === "·" ? label : label + " of " + all.replace(/\D+/g, "");
      var title = document.createElement("p");
      title.className = "who";
      title.textContent = "How it stands: " + label.toLowerCase();
      panel.replaceChildren(title, row.querySelector(".groups").cloneNode(true));
      var calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      row.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    }
    function go(where) {
      active = api;
      if (where === "next") show(Math.min(at + 1, rows.length - 1));
      else if (where === "previous") show(Math.max(at - 1, 0));
      else if (where === "broke") show(broke < 0 ? rows.length - 1 : broke);
      else if (where === "first") show(0);
      else if (where === "last") show(rows.length - 1);
      else show(-1);
    }
    var api = { film: film, go: go };
    bar.hidden = false;
    show(-1);
    bar.addEventListener("click", function (event) {
      var pressed = event.target.closest("[data-go]");
      if (pressed) go(pressed.dataset.go);
    });
    film.addEventListener("click", function (event) {
      var ref = event.target.closest("a.ref"), row = ref ? document.getElementById(ref.hash.slice(1)) : event.target.closest("ol.cards > li");
      if (!row || (!ref && event.target.closest("a, button, summary, details"))) return;
      if (!ref && String(getSelection())) return;
      active = api;
      show(rows.indexOf(row));
      if (ref) { event.preventDefault(); row.scrollIntoView({ block: "center" }); }
    });
    if (!active) active = api;
  });
  addEventListener("keydown", function (event) {
    if (!active || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, textarea, select, .scroll")) return;
    var box = active.film.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight || !box.height) return;
    var where = { ArrowRight: "next", ArrowLeft: "previous" }[event.key];
    if (event.key === "Escape") where = "all";
    if (!where) return;
    event.preventDefault();
    active.go(where);
  });
})();
