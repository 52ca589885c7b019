// What the AWS SDK for JavaScript sees of a local Beanstalk: answers, paging, waiting and errors by their types.
import {
  ElasticBeanstalkClient, CreateApplicationCommand, DescribeApplicationsCommand, DescribeEnvironmentsCommand,
  DescribeEventsCommand, DeleteApplicationCommand, TooManyTagsException, UpdateTagsForResourceCommand,
  paginateDescribeEvents, ListTagsForResourceCommand, ResourceNotFoundException,
} from "@aws-sdk/client-elastic-beanstalk";

const client = new ElasticBeanstalkClient({ region: "eu-central-1", maxAttempts: 1 });
const told = {};

const made = await client.send(new CreateApplicationCommand({ ApplicationName: "script", Description: "a <b> & c" }));
told.created = made.Application.DateCreated instanceof Date;
const found = await client.send(new DescribeApplicationsCommand({ ApplicationNames: ["script"] }));
told.description = found.Applications[0].Description;
told.environments = (await client.send(new DescribeEnvironmentsCommand({ ApplicationName: "script" }))).Environments ?? [];

try {
  await client.send(new CreateApplicationCommand({ ApplicationName: "script" }));
} catch (error) {
  told.again = [error.name, error.message, error.$metadata.httpStatusCode];
}
try {
  const Tags = Array.from({ length: 51 }, (_, number) => ({ Key: `key-${number}`, Value: "x" }));
  await client.send(new UpdateTagsForResourceCommand({ ResourceArn: made.Application.ApplicationArn, TagsToAdd: Tags }));
} catch (error) {
  told.tags = error instanceof TooManyTagsException;
}
try {
  await client.send(new ListTagsForResourceCommand({ ResourceArn: made.Application.ApplicationArn + "x" }));
} catch (error) {
  told.missing = error instanceof ResourceNotFoundException;
}
const events = [];
for await (const page of paginateDescribeEvents({ client, pageSize: 1 }, { ApplicationName: "script" })) {
  events.push(...page.Events.map((event) => event.Message));
}
told.events = events;
await client.send(new DeleteApplicationCommand({ ApplicationName: "script" }));
told.left = (await client.send(new DescribeApplicationsCommand({ ApplicationNames: ["script"] }))).Applications ?? [];
console.log(JSON.stringify(told));
