import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function UsersPage() {
  const text = useText();
  return <Page title={text.shell.pages.users}>{null}</Page>;
}
