import { ActionIcon, Button, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { problemText } from "../api/problemText";
import {
  addSigningKey,
  deleteSigningKey,
  SIGNING,
  type SigningKey,
  useSigningKeys,
} from "../api/signingKeys";
import { useMay } from "../session/access";
import { useText } from "../text";
import { Confirm } from "./Confirm";
import { TrashIcon } from "./icons";
import { Actions } from "./Label";
import { RecordSection } from "./RecordSection";
import { TimeText } from "./TimeText";
import type { Column } from "./table/columns";

export function SigningKeys() {
  const text = useText();
  const words = text.settings.signing;
  const may = useMay();
  const keys = useSigningKeys();
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<SigningKey | null>(null);
  const columns: Column<SigningKey>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "key", title: words.key, className: "mono", cell: ({ publicKey }) => publicKey },
    { key: "by", title: words.by, cell: ({ createdBy }) => createdBy },
    { key: "created", title: words.created, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "delete",
      title: "",
      right: true,
      cell: key =>
        may("signing-keys:delete") && (
          <ActionIcon aria-label={`${words.delete}: ${key.name}`} onClick={() => setLeaving(key)}>
            <TrashIcon />
          </ActionIcon>
        ),
    },
  ];
  return (
    <RecordSection
      words={words}
      columns={columns}
      reading={keys}
      onAdd={may("signing-keys:create") ? () => setAdding(true) : undefined}
    >
      {adding && <Add onClose={() => setAdding(false)} />}
      {leaving && <Delete signingKey={leaving} onClose={() => setLeaving(null)} />}
    </RecordSection>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.settings.signing;
  const [name, setName] = useState("");
  const [publicKey, setPublicKey] = useState("");
  const change = useChange(
    () => addSigningKey({ name: name.trim(), publicKey: publicKey.trim() }),
    {
      stale: [SIGNING],
      done: words.added,
      onDone: onClose,
      quiet: true,
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={words.name}
            data-autofocus
            maxLength={128}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <TextInput
            label={words.key}
            description={words.keyHint}
            spellCheck={false}
            value={publicKey}
            error={change.isError && problemText(change.error, text)}
            onChange={event => setPublicKey(event.currentTarget.value)}
          />
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              disabled={name.trim() === "" || publicKey.trim() === ""}
              loading={change.isPending}
            >
              {words.add}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

function Delete({ signingKey, onClose }: { signingKey: SigningKey; onClose: () => void }) {
  const words = useText().settings.signing;
  const change = useChange(() => deleteSigningKey(signingKey.id), {
    stale: [SIGNING],
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.deleteTitle(signingKey.name)}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}
