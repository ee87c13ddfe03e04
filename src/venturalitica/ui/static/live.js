/* What only helps: every page works without it.
   [data-copy]       a button beside a <code>: copies that line, or the whole in its title
   [data-copy-from]  a button that copies what a field holds, named by a selector
   [data-copy-link]  a button beside a link: copies the whole address of it
   [data-png]        a button: the SVG of that address, drawn here as a PNG to keep
   [data-print]      a button: prints the page
   [data-drop]       a form with one file input: a file may be dropped on it
   [data-most="20"]  a form: at most so many of its checkboxes are ticked
   [data-carry]      its links and its form take along what is ticked in the form with data-most
   [data-unscripted] is for pages without scripts alone
   [data-change]     a select or input: its form is sent when it changes
   [data-slash]      a field: the key / leads to it
   [data-hold]       asks for nothing new while something in it is ticked, open or in use */
(function () {
  "use strict";
  function copies(button) {
    if (!navigator.clipboard || !button.hidden) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      var code = button.parentElement.querySelector("code, pre");
      navigator.clipboard.writeText(code.title || code.textContent).then(function () {
        button.firstChild.data = "Copied";
        setTimeout(function () { button.firstChild.data = "Copy"; }, 1500);
      });
    });
  }
  function copiesFrom(button) {
    if (!navigator.clipboard || !button.hidden) return;
    var said = button.textContent;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(document.querySelector(button.dataset.copyFrom).value).then(function () {
        button.textContent = "Copied";
        setTimeout(function () { button.textContent = said; }, 1500);
      });
    });
  }
  function copiesLink(button) {
    if (!navigator.clipboard || !button.hidden) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(button.parentElement.querySelector("[data-link]").href).then(function () {
        button.textContent = "Copied";
        setTimeout(function () { button.textContent = "Copy"; }, 1500);
      });
    });
  }
  function draws(button) {
    if (!button.hidden) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      var name = "chart.svg";
      fetch(button.dataset.png).then(function (answer) {
        if (!answer.ok) throw new Error(answer.status);
        name = /filename="([\w.-]+)"/.exec(answer.headers.get("content-disposition"))[1];
        return answer.text();
      }).then(function (text) {
        var image = new Image();
        image.addEventListener("load", function () {
          var canvas = document.createElement("canvas");
          canvas.width = 2 * image.width;
          canvas.height = 2 * image.height;
          canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
          canvas.toBlob(function (blob) {
            var link = document.createElement("a");
            link.href = URL.createObjectURL(blob);
            link.download = name.replace(/svg$/, "png");
            link.click();
            setTimeout(function () { URL.revokeObjectURL(link.href); }, 60000);
          }, "image/png");
        });
        image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
      });
    });
  }
  function prints(button) {
    if (!button.hidden) return;
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  }
  function drops(form) {
    var input = form.querySelector("input[type=file]");
    if (!input || form.dataset.ready) return;
    form.dataset.ready = "1";
    ["dragenter", "dragover"].forEach(function (kind) {
      form.addEventListener(kind, function (event) {
        event.preventDefault();
        form.classList.add("ui-over");
      });
    });
    ["dragleave", "drop"].forEach(function (kind) {
      form.addEventListener(kind, function (event) {
        event.preventDefault();
        form.classList.remove("ui-over");
      });
    });
    form.addEventListener("drop", function (event) {
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      form.requestSubmit();
    });
  }
  function limits(form) {
    if (form.dataset.limited) return;
    form.dataset.limited = "1";
    var most = Number(form.dataset.most);
    function hold() {
      var boxes = Array.from(form.querySelectorAll("input[type=checkbox]"));
      var full = boxes.filter(function (box) { return box.checked; }).length >= most;
      boxes.forEach(function (box) { box.disabled = full && !box.checked; });
    }
    form.addEventListener("change", hold);
    hold();
  }
  function carries(form) {
    if (form.dataset.carried) return;
    form.dataset.carried = "1";
    form.addEventListener("change", function () {
      var ticked = Array.from(form.querySelectorAll("input[type=checkbox][name]:checked"));
      document.querySelectorAll("[data-carry] a").forEach(function (link) {
        var to = new URL(link.href);
        to.searchParams.delete("run");
        ticked.forEach(function (box) { to.searchParams.append(box.name, box.value); });
        link.href = to.href;
      });
      document.querySelectorAll("form[data-carry]").forEach(function (other) {
        other.querySelectorAll("input[name=run]").forEach(function (field) { field.remove(); });
        ticked.forEach(function (box) {
          var field = document.createElement("input");
          field.type = "hidden";
          field.name = box.name;
          field.value = box.value;
          other.append(field);
        });
      });
    });
  }
  function changes(field) {
    if (field.dataset.ready) return;
    field.dataset.ready = "1";
    field.addEventListener("change", function () { field.form.requestSubmit(); });
  }
  function all() {
    document.querySelectorAll("[data-copy]").forEach(copies);
    document.querySelectorAll("[data-copy-from]").forEach(copiesFrom);
    document.querySelectorAll("[data-copy-link]").forEach(copiesLink);
    document.querySelectorAll("[data-png]").forEach(draws);
    document.querySelectorAll("[data-print]").forEach(prints);
    document.querySelectorAll("form[data-drop]").forEach(drops);
    document.querySelectorAll("form[data-most]").forEach(limits);
    document.querySelectorAll("form[data-most]").forEach(carries);
    document.querySelectorAll("[data-unscripted]").forEach(function (one) { one.hidden = true; });
    document.querySelectorAll("[data-change]").forEach(changes);
  }
  function slash(event) {
    var field = document.querySelector("[data-slash]");
    var typed = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || !field || typed || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
    field.select();
  }
  function holds(event) {
    var held = event.target.matches("[data-hold]");
    if (held && event.target.querySelector("input:checked, details[open], :focus")) event.preventDefault();
  }
  function ready() {
    all();
    document.addEventListener("keydown", slash);
    document.body.addEventListener("htmx:beforeRequest", holds);
    document.body.addEventListener("htmx:afterSwap", all);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
