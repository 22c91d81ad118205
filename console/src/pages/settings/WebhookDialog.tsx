import { Button, Checkbox, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { makeWebhook, replaceWebhook, WEBHOOKS, type Webhook } from "../../api/webhooks";
import { Actions } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { Secret } from "../../parts/Secret";
import { useText } from "../../text";
import { bodyOf, formOf, type WebhookForm } from "./webhookForm";

/** A new webhook, whose secret is shown once, or other fields for one that there is. */
export function WebhookDialog({ webhook, onClose }: { webhook?: Webhook; onClose: () => void }) {
  const text = useText();
  const words = text.webhooks;
  const [secret, setSecret] = useState<string>();
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={webhook ? words.changeOf(webhook.name) : words.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {secret === undefined ? (
        <Fields
          webhook={webhook}
          onClose={onClose}
          onKept={kept => (kept.secret ? setSecret(kept.secret) : onClose())}
        />
      ) : (
        <Stack gap="sm">
          <Secret label={words.secret} value={secret} />
          <Actions>
            <Button onClick={onClose}>{words.done}</Button>
          </Actions>
        </Stack>
      )}
    </Modal>
  );
}

type FieldsProps = {
  webhook: Webhook | undefined;
  onKept: (kept: Webhook) => void;
  onClose: () => void;
};

function Fields({ webhook, onKept, onClose }: FieldsProps) {
  const text = useText();
  const words = text.webhooks;
  const [form, setForm] = useState(formOf(webhook));
  const body = bodyOf(form);
  const change = useChange(
    async () => {
      if (body === null) return;
      onKept(await (webhook ? replaceWebhook(webhook.id, body) : makeWebhook(body)));
    },
    {
      stale: [WEBHOOKS],
      done: webhook ? words.changed(form.name) : words.made(form.name),
      quiet: true,
    },
  );
  const put = (part: Partial<WebhookForm>) => setForm({ ...form, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm">
        <TextInput
          label={words.name}
          data-autofocus
          maxLength={256}
          value={form.name}
          onChange={event => put({ name: event.currentTarget.value })}
        />
        <TextInput
          label={words.url}
          description={words.urlHint}
          maxLength={2048}
          spellCheck={false}
          value={form.url}
          onChange={event => put({ url: event.currentTarget.value })}
        />
        <TextInput
          label={words.types}
          description={words.typesHint}
          spellCheck={false}
          value={form.types}
          onChange={event => put({ types: event.currentTarget.value })}
        />
        <TextInput
          label={words.query}
          description={words.queryHint}
          spellCheck={false}
          value={form.query}
          onChange={event => put({ query: event.currentTarget.value })}
        />
        <Checkbox
          label={words.enabled}
          checked={form.enabled}
          onChange={event => put({ enabled: event.currentTarget.checked })}
        />
        {change.isError && <ProblemLine error={change.error} />}
        <Actions>
          <Button variant="default" onClick={onClose}>
            {text.common.cancel}
          </Button>
          <Button type="submit" disabled={body === null} loading={change.isPending}>
            {words.keep}
          </Button>
        </Actions>
      </Stack>
    </form>
  );
}
