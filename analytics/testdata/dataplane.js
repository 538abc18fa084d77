// Speaks to a data plane with AWS's own client: node dataplane.js ENDPOINT KEY SECRET.
// Prints what each operation answered, a line each; payloads as text.
const { IoTAnalytics, IoTAnalyticsServiceException } = require('@aws-sdk/client-iotanalytics')

const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(1)
const client = new IoTAnalytics({ endpoint, region: 'eu-west-1', credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 })

const bytes = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const text = value => value instanceof Uint8Array ? Buffer.from(value).toString() : value

async function call(operation, request) {
  try {
    const { $metadata, ...answer } = await client[operation](request)
    if (answer.payloads) answer.payloads = answer.payloads.map(text)
    console.log(JSON.stringify({ operation, status: $metadata.httpStatusCode, answer }))
    return answer
  } catch (error) {
    if (!(error instanceof IoTAnalyticsServiceException)) throw error
    console.log(JSON.stringify({ operation, status: error.$metadata.httpStatusCode, error: error.name }))
    return {}
  }
}

async function main() {
  await call('createChannel', { channelName: 'raw', channelStorage: { serviceManagedS3: {} }, retentionPeriod: { numberOfDays: 30 } })
  await call('createChannel', { channelName: 'raw' })
  await call('createDatastore', { datastoreName: 'hot', fileFormatConfiguration: { jsonConfiguration: {} } })
  await call('createPipeline', { pipelineName: 'line', pipelineActivities: [
    { channel: { name: 'c', channelName: 'raw', next: 'm' } },
    { math: { name: 'm', attribute: 'tempC', math: '((temp - 32) * 5.0) / 9.0', next: 'a' } },
    { addAttributes: { name: 'a', attributes: { 'device.Id': 'Device' }, next: 'd' } },
    { datastore: { name: 'd', datastoreName: 'hot' } },
  ] })
  await call('createPipeline', { pipelineName: 'lost', pipelineActivities: [
    { channel: { name: 'c', channelName: 'nosuch', next: 'd' } }, { datastore: { name: 'd', datastoreName: 'hot' } },
  ] })
  await call('createDataset', { datasetName: 'all', actions: [{ actionName: 'a', queryAction: { sqlQuery: 'SELECT * FROM hot' } }],
    triggers: [{ schedule: { expression: 'rate(1 day)' } }] })
  await call('batchPutMessage', { channelName: 'raw', messages: [
    { messageId: 'm1', payload: bytes({ temp: 68, device: { Id: 'd1' } }) },
    { messageId: 'm2', payload: bytes('no JSON') },
    { messageId: 'm1', payload: bytes({ temp: 32 }) },
    { messageId: 'schlüssel', payload: bytes({ temp: 32 }) },
  ] })
  await call('batchPutMessage', { channelName: 'nosuch', messages: [{ messageId: 'm1', payload: bytes({}) }] })
  await call('sampleChannelData', { channelName: 'raw', maxMessages: 5, startTime: new Date('2020-01-01'), endTime: new Date('2199-01-01') })
  await call('sampleChannelData', { channelName: 'raw', maxMessages: 11 })
  await call('runPipelineActivity', { pipelineActivity: { math: { name: 'm', attribute: 'tempC', math: '((temp - 32) * 5.0) / 9.0' } },
    payloads: [bytes('{"humidity": 52, "temp": 68 }'), bytes('{"humidity": 52}')] })
  await call('runPipelineActivity', { pipelineActivity: { channel: { name: 'c', channelName: 'raw' } }, payloads: [bytes('{}')] })
  const { reprocessingId } = await call('startPipelineReprocessing', { pipelineName: 'line', startTime: new Date('2020-01-01'), endTime: new Date('2199-01-01') })
  await call('startPipelineReprocessing', { pipelineName: 'line' })
  await call('cancelPipelineReprocessing', { pipelineName: 'line', reprocessingId })
  await call('startPipelineReprocessing', { pipelineName: 'line', channelMessages: { s3Paths: ['channel/raw/none'] } })
  await call('describePipeline', { pipelineName: 'line' })
  await call('describeChannel', { channelName: 'raw', includeStatistics: true })
  await call('describeDatastore', { datastoreName: 'hot' })
  await call('describeDataset', { datasetName: 'all' })
  await call('describeDataset', { datasetName: 'nosuch' })
  await call('updateChannel', { channelName: 'raw', retentionPeriod: { unlimited: true } })
  await call('listChannels', { maxResults: 1 })
  await call('listDatastores', {})
  await call('listPipelines', {})
  await call('listDatasets', {})
  const { versionId } = await call('createDatasetContent', { datasetName: 'all' })
  await call('createDatasetContent', { datasetName: 'nosuch' })
  await call('getDatasetContent', { datasetName: 'all', versionId })
  await call('getDatasetContent', { datasetName: 'all' })
  await call('listDatasetContents', { datasetName: 'all', scheduledOnOrAfter: new Date('2020-01-01') })
  await call('deleteDatasetContent', { datasetName: 'all', versionId })
  await call('deleteChannel', { channelName: 'raw' })
  await call('deletePipeline', { pipelineName: 'line' })
  await call('deleteChannel', { channelName: 'raw' })
  await call('deleteDatastore', { datastoreName: 'hot' })
  await call('deleteDataset', { datasetName: 'all' })
  await call('describeChannel', { channelName: 'raw' })
}
main()
