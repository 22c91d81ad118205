import { ActionIcon, Button, Stack } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../api/change";
import { BINDINGS, type Binding, type Subject, unbind, useBindings } from "../api/rights";
import { USERS } from "../api/users";
import { useMay } from "../session/access";
import { useText } from "../text";
import { Bind } from "./Bind";
import { Confirm } from "./Confirm";
import { PlusIcon, TrashIcon } from "./icons";
import { Actions, Hint } from "./Label";
import { roleName, subjectName, useScopeText, useSubjects } from "./names";
import { TimeText } from "./TimeText";
import type { Column } from "./table/columns";
import { DataTable } from "./table/DataTable";

/** Somebody who has roles, or a group over which roles are held. */
export type Bound = Subject | { kind: "group"; id: string };

/** Which roles are bound to somebody, or over a group; more are bound here, and some unbound. */
export function Bindings({ of }: { of: Bound }) {
  const text = useText();
  const words = text.users.bindings;
  const may = useMay();
  const subjects = useSubjects();
  const scopeText = useScopeText();
  const isGroup = of.kind === "group";
  const bindings = useBindings(isGroup ? null : (of as Subject));
  const [binding, setBinding] = useState(false);
  const [leaving, setLeaving] = useState<Binding | null>(null);
  const rows = (bindings.data ?? []).filter(
    ({ scope }) => !isGroup || (scope.kind === "group" && scope.id === of.id),
  );
  const columns: Column<Binding>[] = [
    {
      key: "role",
      title: text.users.role,
      cell: ({ role }) => <strong>{roleName(role, text)}</strong>,
    },
    isGroup
      ? {
          key: "who",
          title: words.who,
          cell: ({ subject }) => (
            <>
              {subjectName(subject, subjects)}{" "}
              <span className="dim">{words.kinds[subject.kind]}</span>
            </>
          ),
        }
      : { key: "where", title: words.where, cell: ({ scope }) => scopeText(scope) },
    { key: "since", title: words.since, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "unbind",
      title: "",
      right: true,
      cell: one =>
        may("role-bindings:delete") && (
          <ActionIcon
            aria-label={words.unbindOf(roleName(one.role, text))}
            onClick={() => setLeaving(one)}
          >
            <TrashIcon />
          </ActionIcon>
        ),
    },
  ];
  return (
    <Stack gap="sm">
      {may("role-bindings:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setBinding(true)}>
            {words.bind}
          </Button>
        </Actions>
      )}
      <DataTable
        label={words.title}
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        marks={({ role }) => ({ "data-binding": role })}
        reading={bindings}
        empty={<Hint>{isGroup ? words.noneHere : words.none}</Hint>}
        place={80}
      />
      {binding && <Bind of={of} subjects={subjects} onClose={() => setBinding(false)} />}
      {leaving && <Unbind binding={leaving} onClose={() => setLeaving(null)} />}
    </Stack>
  );
}

function Unbind({ binding, onClose }: { binding: Binding; onClose: () => void }) {
  const text = useText();
  const words = text.users.bindings;
  const change = useChange(() => unbind(binding.id), {
    stale: [BINDINGS, USERS],
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.unbindOf(roleName(binding.role, text))}
      act={words.unbind}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.unbindHint}
    </Confirm>
  );
}
