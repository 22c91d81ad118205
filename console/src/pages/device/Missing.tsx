import { Link } from "@tanstack/react-router";
import { Empty } from "../../parts/Empty";
import { QuestionIcon } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useText } from "../../text";

/** There is no such device: mistyped, deleted, or of somebody else. */
export function Missing({ deviceId }: { deviceId: string }) {
  const { device: text, shell } = useText();
  return (
    <Page title={deviceId}>
      <Empty icon={QuestionIcon} title={text.missing}>
        <p>{text.missingHint}</p>
        <Link to="/devices">{shell.toFleet}</Link>
      </Empty>
    </Page>
  );
}
