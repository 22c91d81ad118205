/** What jsdom lacks and the console needs. */
import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// A machine may be busy: what is waited for has long enough.
configure({ asyncUtilTimeout: 10_000 });
afterEach(cleanup);

vi.stubGlobal(
  "matchMedia",
  (query: string): MediaQueryList =>
    ({
      matches: false,
      media: query,
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
      addListener: () => undefined,
      removeListener: () => undefined,
    }) as unknown as MediaQueryList,
);
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);
Element.prototype.scrollIntoView = () => undefined;
Element.prototype.scrollTo = () => undefined;
// Lists draw what is in sight: without a size nothing is.
Object.defineProperty(Element.prototype, "clientHeight", { get: () => 600 });
Object.defineProperty(Element.prototype, "clientWidth", { get: () => 1000 });
