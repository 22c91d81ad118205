import { ActionIcon, Button, Stack } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import { type ApiKey, deleteKey, KEYS, useKeys } from "../../api/users";
import { useHubNow } from "../../live/hubClock";
import { Confirm } from "../../parts/Confirm";
import { Empty } from "../../parts/Empty";
import { KeyIcon, PlusIcon, TrashIcon } from "../../parts/icons";
import { Actions, Hint, Label } from "../../parts/Label";
import { useSubjects } from "../../parts/names";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { CreateKey } from "./CreateKey";

export function Keys() {
  const text = useText();
  const words = text.users.keys;
  const seesAll = useMay()("api-keys:list");
  const keys = useKeys();
  const subjects = useSubjects();
  const [creating, setCreating] = useState(false);
  const [leaving, setLeaving] = useState<ApiKey | null>(null);
  const owner = (id: string) =>
    [...subjects.user, ...subjects.service_account].find(({ value }) => value === id)?.label ?? id;
  const newKey = (
    <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
      {words.create}
    </Button>
  );
  const ownerColumn: Column<ApiKey> = {
    key: "owner",
    title: words.owner,
    cell: ({ userId }) => owner(userId),
  };
  const columns: Column<ApiKey>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "role", title: text.users.role, cell: ({ role }) => text.common.roles[role] },
    ...(seesAll ? [ownerColumn] : []),
    {
      key: "created",
      title: text.users.created,
      cell: ({ createdAt }) => <TimeText at={createdAt} />,
    },
    {
      key: "expires",
      title: words.expires,
      cell: ({ expiresAt }) => <Expiry at={expiresAt} />,
    },
    {
      key: "delete",
      title: "",
      right: true,
      cell: key => (
        <ActionIcon aria-label={`${words.delete}: ${key.name}`} onClick={() => setLeaving(key)}>
          <TrashIcon />
        </ActionIcon>
      ),
    },
  ];
  return (
    <Stack gap="sm">
      {keys.data && keys.data.length > 0 && (
        <Actions>
          <span style={{ flex: 1 }}>
            <Hint>
              {words.hint} {seesAll && words.all}
            </Hint>
          </span>
          {newKey}
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.keys}
        columns={columns}
        rows={keys.data ?? []}
        keyOf={({ id }) => id}
        marks={({ name }) => ({ "data-key": name })}
        reading={keys}
        empty={
          <Empty icon={KeyIcon} title={words.none}>
            <p>{words.hint}</p>
            {newKey}
          </Empty>
        }
      />
      {creating && <CreateKey onClose={() => setCreating(false)} />}
      {leaving && <DeleteKey apiKey={leaving} onClose={() => setLeaving(null)} />}
    </Stack>
  );
}

function Expiry({ at }: { at: string | null }) {
  const words = useText().users.keys;
  const now = useHubNow();
  if (at === null) return words.forEver;
  return Date.parse(at) <= now ? <Label tone="bad">{words.over}</Label> : <TimeText at={at} />;
}

function DeleteKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const words = useText().users.keys;
  const change = useChange(() => deleteKey(apiKey.id), { stale: [KEYS], onDone: onClose });
  return (
    <Confirm
      title={words.deleteTitle(apiKey.name)}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}
