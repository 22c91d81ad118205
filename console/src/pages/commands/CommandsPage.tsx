import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function CommandsPage() {
  const text = useText();
  return <Page title={text.shell.pages.commands}>{null}</Page>;
}
