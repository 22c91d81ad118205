/**
 * The path below which a proxy serves the hub, empty for none; the hub writes it into the page
 * (`LONGLINE_PUBLIC_URL`). Every path that is not the router's begins with it.
 */
const written =
  typeof document === "undefined"
    ? null
    : document.querySelector('meta[name="longline-prefix"]')?.getAttribute("content");

export const PREFIX = written?.startsWith("/") ? written : "";

/** The hub's address, for devices and programs too. A function: not every test has a page. */
export const hubAddress = () => location.origin + PREFIX;
