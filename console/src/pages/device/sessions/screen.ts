/** The terminal's picture, as xterm draws it. */
import { Terminal } from "@xterm/xterm";
import { getNonce } from "get-nonce";
import "@xterm/xterm/css/xterm.css";

/** Lines that can be scrolled back to. */
const SCROLLBACK = 5_000;

export type Screen = Terminal;

export function makeScreen(typing: boolean): Screen {
  return new Terminal({
    scrollback: SCROLLBACK,
    fontSize: 13,
    cursorBlink: typing,
    disableStdin: !typing,
    convertEol: !typing,
    screenReaderMode: true,
  });
}

/**
 * Draws it there. The policy of the page takes styles with the nonce of this load only, and xterm
 * makes some of its own while it opens.
 */
export function openScreen(screen: Screen, place: HTMLElement): void {
  const make = document.createElement.bind(document);
  document.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = make(name, options);
    if (name === "style") element.setAttribute("nonce", getNonce() ?? "");
    return element;
  };
  try {
    screen.open(place);
  } finally {
    document.createElement = make;
  }
}

/**
 * Nor does it take a style that is written as an attribute, as xterm does for cells with a colour of
 * their own: the same as a property is taken.
 */
HTMLSpanElement.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
};

/** How many columns and rows fit into an element; measured by what xterm has drawn. */
export function fitting(screen: Screen, place: HTMLElement): { columns: number; rows: number } {
  const drawn = place.querySelector(".xterm-screen");
  if (drawn === null || drawn.clientWidth === 0) return { columns: screen.cols, rows: screen.rows };
  const width = drawn.clientWidth / screen.cols;
  const height = drawn.clientHeight / screen.rows;
  return {
    columns: Math.max(20, Math.floor((place.clientWidth - 16) / width)),
    rows: Math.max(4, Math.floor(place.clientHeight / height)),
  };
}
