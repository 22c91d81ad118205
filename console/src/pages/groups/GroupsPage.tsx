import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function GroupsPage() {
  const text = useText();
  return <Page title={text.shell.pages.groups}>{null}</Page>;
}
