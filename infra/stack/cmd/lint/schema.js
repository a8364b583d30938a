// Checks the CloudFormation template on standard input against the resource schemas of
// @aws-cdk/aws-service-spec.
const { loadAwsServiceSpecSync } = require('@aws-cdk/aws-service-spec');

const template = JSON.parse(require('fs').readFileSync(0));
const resources = template.Resources;
const spec = loadAwsServiceSpecSync();
const problems = [];

// The shape of a value that CloudFormation computes is not known here.
const isIntrinsic = (v) => Object.keys(v).length === 1 && (v.Ref !== undefined || Object.keys(v)[0].startsWith('Fn::'));

function checkReferences(value, path) {
  if (value === null || typeof value !== 'object') return;
  if (!Array.isArray(value)) {
    const ref = value.Ref;
    if (typeof ref === 'string' && !ref.startsWith('AWS::') && !resources[ref] && !(template.Parameters || {})[ref]) {
      problems.push(`${path}: Ref to ${ref}, which does not exist`);
    }
    const attribute = value['Fn::GetAtt'];
    const of = Array.isArray(attribute) ? attribute[0] : attribute && attribute.split('.')[0];
    if (of && !resources[of]) problems.push(`${path}: Fn::GetAtt of ${of}, which does not exist`);
  }
  for (const key of Object.keys(value)) checkReferences(value[key], `${path}.${key}`);
}

function checkProperties(value, properties, path, of) {
  for (const name of Object.keys(value)) {
    if (!properties[name]) problems.push(`${path}.${name}: no property of ${of}`);
    else checkValue(value[name], properties[name].type, `${path}.${name}`);
  }
  for (const name of Object.keys(properties)) {
    if (properties[name].required && !(name in value)) problems.push(`${path}: ${of} needs ${name}`);
  }
}

function checkValue(value, type, path) {
  if (value === null || typeof value !== 'object' || isIntrinsic(value)) return;
  if (type.type === 'ref' && !Array.isArray(value)) {
    const definition = spec.get('typeDefinition', type.reference.$ref);
    checkProperties(value, definition.properties, path, definition.name);
  } else if (type.type === 'array' && Array.isArray(value)) {
    value.forEach((element, i) => checkValue(element, type.element, `${path}[${i}]`));
  }
}

for (const [id, resource] of Object.entries(resources)) {
  const [known] = spec.lookup('resource', 'cloudFormationType', 'equals', resource.Type);
  if (!known) problems.push(`${id}: no resource type ${resource.Type}`);
  else checkProperties(resource.Properties || {}, known.properties, id, resource.Type);
  for (const on of [].concat(resource.DependsOn || [])) {
    if (!resources[on]) problems.push(`${id}: depends on ${on}, which does not exist`);
  }
}
checkReferences(resources, 'Resources');
checkReferences(template.Outputs || {}, 'Outputs');

problems.forEach((p) => console.error(p));
console.log(`${Object.keys(resources).length} resources checked, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
