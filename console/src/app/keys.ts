/** Keys that work everywhere: Ctrl/⌘ K, `/`, `?`, and `g` with a letter. Never while one types. */
import { useEffect, useRef } from "react";
import { PAGES } from "./pages";

const SEQUENCE_MS = 1200;

type Handlers = {
  palette: () => void;
  help: () => void;
  go: (to: (typeof PAGES)[number]["to"]) => void;
};

export function useKeys(handlers: Handlers): void {
  const newest = useRef(handlers);
  newest.current = handlers;
  useEffect(() => {
    let leader = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        newest.current.palette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("[role=dialog]") !== null) return;
      const led = performance.now() - leader < SEQUENCE_MS;
      leader = 0;
      const page = led ? PAGES.find(({ key }) => key === event.key) : undefined;
      if (page !== undefined) newest.current.go(page.to);
      else if (event.key === "g") leader = performance.now();
      else if (event.key === "?") newest.current.help();
      else if (event.key !== "/") return;
      else focusSearch();
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** The field of the page that is marked `data-search`. */
function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("input[data-search]");
  field?.focus();
  field?.select();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
