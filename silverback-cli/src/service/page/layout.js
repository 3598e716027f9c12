// The layout on a narrow screen: the connection panel folds once it is open, so that the message and the log are in
// view. The options of the message are below the log. The script moves them, so that the order of Tab matches the
// screen.

class Layout {
  /** `parts`: fold, options, and movable: the elements that move. */
  constructor(parts) {
    this.parts = parts;
    this.homes = parts.movable.map((element) => element.parentElement);
    this.isOpen = false;
    this.wantsDetails = false;
    this.narrow = matchMedia("(max-width: 719px)");
    this.narrow.addEventListener("change", () => this.arrange());
    parts.fold.addEventListener("click", () => {
      this.wantsDetails = !this.wantsDetails;
      this.foldConnection();
    });
    this.arrange();
  }

  showState({ state }) {
    // Asked for once, the details stay for this connection.
    if (this.isOpen && state !== "connected") this.wantsDetails = false;
    this.isOpen = state === "connected";
    this.foldConnection();
  }

  arrange() {
    const { movable, options } = this.parts;
    movable.forEach((element, index) => (this.narrow.matches ? options : this.homes[index]).append(element));
    options.hidden = !this.narrow.matches;
    this.foldConnection();
  }

  foldConnection() {
    const mayFold = this.narrow.matches && this.isOpen;
    document.body.toggleAttribute("data-folded", mayFold && !this.wantsDetails);
    this.parts.fold.hidden = !mayFold;
    this.parts.fold.setAttribute("aria-expanded", String(this.wantsDetails));
  }
}
