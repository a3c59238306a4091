// Only a convenience: a link from the matrix opens the details it leads to in browsers that do not.
(function () {
  function reveal() {
    var found = location.hash && document.getElementById(location.hash.slice(1));
    if (!found) return;
    for (var node = found; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    found.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details.loud").forEach(function (found) { found.open = true; });
  });
  reveal();
})();
