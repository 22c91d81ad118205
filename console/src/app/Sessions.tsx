import { Modal, Stack } from "@mantine/core";
import { Hint } from "../parts/Label";
import { SessionTable } from "../parts/SessionTable";
import { useText } from "../text";

/** Where one is signed in. */
export function SessionsDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.shell.sessions;
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.title}
      size="lg"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <Hint>{words.hint}</Hint>
        <SessionTable userId={null} ends />
      </Stack>
    </Modal>
  );
}
