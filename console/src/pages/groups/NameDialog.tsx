import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { problemText } from "../../api/problemText";
import { Actions } from "../../parts/Label";
import { useText } from "../../text";
import { GROUPS, type Group } from "./data";

type Props = {
  title: string;
  act: string;
  name?: string;
  save: (name: string) => Promise<Group>;
  onSaved?: (group: Group) => void;
  onClose: () => void;
};

/** The name of a group, new or another one. */
export function NameDialog({ title, act, name = "", save, onSaved, onClose }: Props) {
  const text = useText();
  const [value, setValue] = useState(name);
  const change = useChange(save, {
    stale: [GROUPS],
    quiet: true,
    onDone: group => {
      onClose();
      onSaved?.(group);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (value.trim() !== "") change.mutate(value.trim());
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size="sm"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={text.groups.name}
            data-autofocus
            maxLength={128}
            value={value}
            onChange={event => setValue(event.currentTarget.value)}
            error={change.isError && problemText(change.error, text)}
          />
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={change.isPending} disabled={value.trim() === ""}>
              {act}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
