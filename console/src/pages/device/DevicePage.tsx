import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function DevicePage() {
  const text = useText();
  return <Page title={text.shell.pages.fleet}>{null}</Page>;
}
