import { Button, Modal, SegmentedControl, Select, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { problemText } from "../api/problemText";
import { BINDINGS, bind, type Scope, type Subject, useRoles } from "../api/rights";
import { USERS } from "../api/users";
import { EVERY_ROLE, useMay } from "../session/access";
import { useText } from "../text";
import type { Bound } from "./Bindings";
import { useDeviceOptions } from "./deviceOptions";
import { Actions, Hint } from "./Label";
import { roleName, type Subjects, useGroupsByName } from "./names";

type Props = { of: Bound; subjects: Subjects; onClose: () => void };

/** Binds a role: to somebody who is known, somewhere; or over a group that is known, to somebody. */
export function Bind({ of, subjects, onClose }: Props) {
  const text = useText();
  const words = text.users.bindings;
  const isGroup = of.kind === "group";
  const roles = useRoles(useMay()("roles:list"));
  const [role, setRole] = useState<string | null>(null);
  const [subject, setSubject] = useState<Subject | null>(isGroup ? null : (of as Subject));
  const [scope, setScope] = useState<Scope | null>(
    isGroup ? { kind: "group", id: of.id } : { kind: "org" },
  );
  const change = useChange(bind, { stale: [BINDINGS, USERS], quiet: true, onDone: onClose });
  const names = roles.data?.map(({ name }) => name) ?? EVERY_ROLE.slice(1);
  const ready = role !== null && subject !== null && scope !== null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) change.mutate({ role, subject, scope });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.bind}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Select
            label={text.users.role}
            data-autofocus
            searchable
            value={role}
            data={names.map(value => ({ value, label: roleName(value, text) }))}
            error={change.isError && problemText(change.error, text)}
            onChange={setRole}
          />
          {isGroup ? (
            <Whom subjects={subjects} onChange={setSubject} />
          ) : (
            <Place onChange={setScope} />
          )}
          <Hint>{words.hint}</Hint>
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" disabled={!ready} loading={change.isPending}>
              {words.bind}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

type WhomProps = { subjects: Subjects; onChange: (subject: Subject | null) => void };
const KINDS = ["user", "team", "service_account"] as const;

function Whom({ subjects, onChange }: WhomProps) {
  const words = useText().users.bindings;
  const data = KINDS.map(kind => ({
    group: words.manyOf[kind],
    items: subjects[kind].map(({ value, label }) => ({ value: `${kind} ${value}`, label })),
  }));
  const choose = (value: string | null) => {
    const kind = KINDS.find(one => value?.startsWith(`${one} `));
    onChange(kind && value ? { kind, id: value.slice(kind.length + 1) } : null);
  };
  return <Select label={words.who} searchable data={data} onChange={choose} />;
}

/** The whole organisation, a group, or a device. */
function Place({ onChange }: { onChange: (scope: Scope | null) => void }) {
  const words = useText().users.bindings;
  const [kind, setKind] = useState<Scope["kind"]>("org");
  const groups = useGroupsByName();
  const devices = useDeviceOptions();
  const change = (value: string) => {
    setKind(value as Scope["kind"]);
    onChange(value === "org" ? { kind: "org" } : null);
  };
  const choose = (id: string | null) => onChange(id === null ? null : { kind, id });
  return (
    <>
      <SegmentedControl
        fullWidth
        aria-label={words.where}
        value={kind}
        onChange={change}
        data={[
          { value: "org", label: words.everywhere },
          { value: "group", label: words.aGroup },
          { value: "device", label: words.aDevice },
        ]}
      />
      {kind === "group" && (
        <Select
          label={words.group}
          searchable
          data={[...groups].map(([value, label]) => ({ value, label }))}
          onChange={choose}
        />
      )}
      {kind === "device" && (
        <Select label={words.device} searchable data={devices} limit={100} onChange={choose} />
      )}
    </>
  );
}
