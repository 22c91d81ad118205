import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function AuditPage() {
  const text = useText();
  return <Page title={text.shell.pages.audit}>{null}</Page>;
}
