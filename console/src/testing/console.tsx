/** The whole console at an address, with everything real but the network. */
import { act, render } from "@testing-library/react";
import { vi } from "vitest";
import type { FakeHub } from "./hub";

/** A new tab; ended with the test. */
export async function openConsole(hub: FakeHub, path: string): Promise<void> {
  vi.stubGlobal("fetch", hub.fetch);
  vi.stubGlobal("WebSocket", hub.socketClass());
  vi.stubGlobal("scrollTo", () => undefined);
  window.history.replaceState(null, "", path);
  vi.resetModules();
  const [{ App }, { router }, { session }] = await Promise.all([
    import("../app/App"),
    import("../routes"),
    import("../session/session"),
  ]);
  render(<App nonce="" router={router} />);
  await act(() => session.start());
}
