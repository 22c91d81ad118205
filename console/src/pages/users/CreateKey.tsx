import { Button, Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import type { Role } from "../../api/client";
import type { Service } from "../../api/organisations";
import { hubAddress } from "../../api/prefix";
import { Problem } from "../../api/problem";
import { problemText } from "../../api/problemText";
import { createKey, KEYS } from "../../api/users";
import { hubNow } from "../../live/hubClock";
import { CopyLine } from "../../parts/CopyLine";
import { Actions, Hint } from "../../parts/Label";
import { Secret } from "../../parts/Secret";
import { covers, EVERY_ROLE } from "../../session/access";
import { useSession } from "../../session/context";
import { useText } from "../../text";

const DAY_MS = 86_400_000;

type Props = {
  /** Whose key it is; without it one's own. */
  service?: Service;
  onClose: () => void;
};

/** A new key, whose secret is shown once. */
export function CreateKey({ service, onClose }: Props) {
  const text = useText();
  const words = text.users.keys;
  const me = useSession();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(me.role === "NONE" ? "NONE" : "VIEWER");
  const [days, setDays] = useState("90");
  const change = useChange(
    () => {
      const until = hubNow() + Number(days) * DAY_MS;
      const expiresAt = days === "0" ? null : new Date(until).toISOString();
      const serviceAccountId = service?.id ?? null;
      return createKey({ name: name.trim(), role, expiresAt, serviceAccountId });
    },
    { stale: [KEYS], quiet: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  const secret = change.data?.key;
  return (
    <Modal
      opened
      onClose={onClose}
      title={service ? words.createFor(service.name) : words.createTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {secret ? (
        <Stack gap="sm">
          <Secret label={words.secret(name)} value={secret} />
          <Hint>{words.use}</Hint>
          <CopyLine
            label={words.use}
            line={`curl -H "Authorization: Bearer $KEY" ${hubAddress()}/api/v1/devices`}
          />
          <Actions>
            <Button onClick={onClose}>{words.done}</Button>
          </Actions>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput
              label={words.name}
              placeholder={words.namePlaceholder}
              data-autofocus
              maxLength={256}
              value={name}
              error={
                change.isError &&
                (tooMany(change.error) ? words.tooMany : problemText(change.error, text))
              }
              onChange={event => setName(event.currentTarget.value)}
            />
            <Select
              label={text.users.role}
              description={text.users.may[role]}
              allowDeselect={false}
              value={role}
              data={EVERY_ROLE.filter(one => covers(me.role, one)).map(value => ({
                value,
                label: text.common.roles[value],
              }))}
              onChange={value => setRole(EVERY_ROLE.find(one => one === value) ?? role)}
            />
            <Select
              label={words.expiry}
              allowDeselect={false}
              value={days}
              data={["30", "90", "365", "0"].map(value => ({
                value,
                label: words.expiries[value] ?? value,
              }))}
              onChange={value => setDays(value ?? days)}
            />
            <Actions>
              <Button variant="default" onClick={onClose}>
                {text.common.cancel}
              </Button>
              <Button type="submit" disabled={name.trim() === ""} loading={change.isPending}>
                {words.create}
              </Button>
            </Actions>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

/** A user may have no more. */
function tooMany(error: unknown): boolean {
  return error instanceof Problem && error.code === "too_many";
}
