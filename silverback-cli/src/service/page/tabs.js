// The tabs of a server with a hub: its topics, and any WebSocket.

class Tabs {
  /** `panels`: the element of each tab, by its name. `shown` hears the name of the tab. */
  constructor(list, panels, shown) {
    this.list = list;
    this.panels = panels;
    this.shown = shown;
    for (const button of list.children) button.addEventListener("click", () => this.show(button.dataset.tab));
    list.addEventListener("keydown", (event) => this.handleKey(event));
  }

  show(name) {
    document.body.dataset.tab = name;
    for (const button of this.list.children) {
      const isShown = button.dataset.tab === name;
      button.setAttribute("aria-selected", String(isShown));
      button.tabIndex = isShown ? 0 : -1;
      this.panels[button.dataset.tab].hidden = !isShown;
    }
    this.shown(name);
  }

  /** The arrows walk the tabs, as in the pattern of ARIA. */
  handleKey(event) {
    const buttons = [...this.list.children];
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length);
    next.focus();
    this.show(next.dataset.tab);
  }
}
