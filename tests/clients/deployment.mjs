// A whole deployment by the AWS SDK for JavaScript: a version, an environment, a version and settings in one update.
import {
  ElasticBeanstalkClient, CreateApplicationCommand, CreateApplicationVersionCommand, CreateEnvironmentCommand,
  DescribeApplicationVersionsCommand, DescribeEnvironmentResourcesCommand, DescribeEnvironmentsCommand,
  DescribeEventsCommand, TerminateEnvironmentCommand, UpdateEnvironmentCommand, waitUntilEnvironmentExists,
  waitUntilEnvironmentTerminated, waitUntilEnvironmentUpdated,
} from "@aws-sdk/client-elastic-beanstalk";

const [bucket, platform] = process.argv.slice(2);
const client = new ElasticBeanstalkClient({ region: "eu-central-1", maxAttempts: 1 });
const waiter = { client, maxWaitTime: 90, minDelay: 1, maxDelay: 2 };
const told = {}, name = { EnvironmentName: "script-one" }, names = { EnvironmentNames: ["script-one"] };

await client.send(new CreateApplicationCommand({ ApplicationName: "scripted" }));
for (const label of ["one", "two"]) {
  await client.send(new CreateApplicationVersionCommand({
    ApplicationName: "scripted", VersionLabel: label, Process: true,
    SourceBundle: { S3Bucket: bucket, S3Key: `scripted/${label}.zip` },
  }));
}
const versions = await client.send(new DescribeApplicationVersionsCommand({ ApplicationName: "scripted" }));
told.statuses = versions.ApplicationVersions.map((version) => version.Status.toUpperCase());
await client.send(new CreateEnvironmentCommand({
  ApplicationName: "scripted", ...name, VersionLabel: "one", CNAMEPrefix: "script-one", PlatformArn: platform,
}));
told.exists = (await waitUntilEnvironmentExists(waiter, names)).state;
const resources = await client.send(new DescribeEnvironmentResourcesCommand(name));
told.queues = resources.EnvironmentResources.Queues;
await client.send(new UpdateEnvironmentCommand({
  ...name, VersionLabel: "two",
  OptionSettings: [{ Namespace: "aws:elasticbeanstalk:application:environment", OptionName: "COLOR", Value: "blue" }],
}));
told.updated = (await waitUntilEnvironmentUpdated(waiter, names)).state;
const updated = (await client.send(new DescribeEnvironmentsCommand(names))).Environments[0];
told.label = updated.VersionLabel;
told.errors = (await client.send(new DescribeEventsCommand({ ...name, Severity: "ERROR" }))).Events;
told.page = await (await fetch(`http://${updated.EndpointURL}/`)).text();
await client.send(new TerminateEnvironmentCommand(name));
told.terminated = (await waitUntilEnvironmentTerminated(waiter, names)).state;
console.log(JSON.stringify(told));
