import { Button, Modal, PasswordInput, Stack, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { makeRegistry, REGISTRIES, type Registry, replaceRegistry } from "../../api/workloadData";
import { Actions } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";

type Props = {
  /** Absent: a new one. */
  registry?: Registry;
  onClose: () => void;
};

/** A registry: its password goes in, and is never read back. */
export function RegistryDialog({ registry, onClose }: Props) {
  const text = useText();
  const words = text.registries;
  const [name, setName] = useState(registry?.name ?? "");
  const [url, setUrl] = useState(registry?.url ?? "");
  const [username, setUsername] = useState(registry?.username ?? "");
  const [password, setPassword] = useState("");
  const [ca, setCa] = useState(registry?.ca ?? "");
  const wanted = name.trim();
  const body = {
    url: url.trim(),
    username: username.trim() || null,
    password: password || null,
    ca: ca.trim() === "" ? null : ca,
  };
  const change = useChange(
    () => (registry ? replaceRegistry(wanted, body) : makeRegistry({ name: wanted, ...body })),
    {
      stale: [REGISTRIES],
      done: registry ? words.changedTo(wanted) : words.made(wanted),
      onDone: onClose,
      quiet: true,
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  const complete = (body.username === null) === (body.password === null);
  return (
    <Modal
      opened
      onClose={onClose}
      title={registry ? words.titleOf(registry.name) : words.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} autoComplete="off">
        <Stack gap="sm">
          {registry === undefined && (
            <TextInput
              label={words.name}
              description={text.common.data.nameHint}
              data-autofocus
              maxLength={63}
              spellCheck={false}
              value={name}
              onChange={event => setName(event.currentTarget.value)}
            />
          )}
          <TextInput
            label={words.url}
            placeholder="https://registry.example.org"
            spellCheck={false}
            value={url}
            onChange={event => setUrl(event.currentTarget.value)}
          />
          <TextInput
            label={words.username}
            description={words.usernameHint}
            autoComplete="off"
            spellCheck={false}
            value={username}
            onChange={event => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label={words.password}
            description={registry?.hasPassword ? words.passwordAgain : words.passwordHint}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": words.showPassword }}
            value={password}
            onChange={event => setPassword(event.currentTarget.value)}
          />
          <Textarea
            label={words.ca}
            description={words.caHint}
            classNames={{ input: "mono" }}
            rows={4}
            spellCheck={false}
            value={ca}
            onChange={event => setCa(event.currentTarget.value)}
          />
          {change.isError && <ProblemLine error={change.error} />}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              disabled={wanted === "" || body.url === "" || !complete}
              loading={change.isPending}
            >
              {text.common.save}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
