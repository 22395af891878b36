// Says below the timeline what the step is that one points at or has come to with the keyboard.
const line = document.getElementById("step");
for (const mark of document.querySelectorAll("[data-step]")) {
  for (const event of ["mouseenter", "focus", "click"]) {
    mark.addEventListener(event, () => { if (line) line.textContent = mark.dataset.step; });
  }
}
