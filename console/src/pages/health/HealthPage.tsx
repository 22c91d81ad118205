import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function HealthPage() {
  const text = useText();
  return <Page title={text.shell.pages.health}>{null}</Page>;
}
