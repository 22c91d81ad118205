import { Page } from "../../parts/Page";
import { useText } from "../../text";

export function FirmwarePage() {
  const text = useText();
  return <Page title={text.shell.pages.firmware}>{null}</Page>;
}
