/* Times in the viewer's zone; UTC stays in the title. Without this script they read UTC. */
(function () {
  "use strict";
  function two(number) {
    return String(number).padStart(2, "0");
  }
  function local(time) {
    var at = new Date(time.getAttribute("datetime"));
    if (isNaN(at.getTime()) || time.dataset.local) return;
    var text = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate()) +
      " " + two(at.getHours()) + ":" + two(at.getMinutes());
    if (time.dataset.seconds !== undefined) text += ":" + two(at.getSeconds());
    time.dataset.local = "1";
    if (!time.title) time.title = time.textContent; // times that reports draw have none
    time.textContent = text;
  }
  function all(root) {
    root.querySelectorAll("time[datetime]").forEach(local);
  }
  function ready() {
    all(document);
    document.body.addEventListener("htmx:afterSwap", function () { all(document); });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
