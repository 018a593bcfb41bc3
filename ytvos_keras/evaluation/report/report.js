// A click on a column's heading sorts the table by it; a second click reverses the order.
for (const table of document.querySelectorAll("table.objects")) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  headings.forEach((heading, column) => heading.firstElementChild.addEventListener("click", () => {
    const sign = heading.ariaSort === "ascending" ? -1 : 1;
    headings.forEach(other => other.removeAttribute("aria-sort"));
    heading.ariaSort = sign > 0 ? "ascending" : "descending";
    const text = row => row.cells[column].textContent;
    const byText = (a, b) => sign * text(a).localeCompare(text(b), "en", {numeric: true});
    const byNumber = (a, b) => {
      const [x, y] = [parseFloat(text(a)), parseFloat(text(b))];
      return isNaN(x) - isNaN(y) || sign * (x - y);  // a dash comes last in both orders
    };
    body.append(...[...body.rows].sort(heading.classList.contains("n") ? byNumber : byText));
  }));
}
