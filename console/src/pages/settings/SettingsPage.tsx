import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function SettingsPage() {
  const text = useText();
  return <Page title={text.shell.pages.settings}>{null}</Page>;
}
